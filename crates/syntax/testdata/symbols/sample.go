package gin
import "x"
const ( A = iota; B )
var x, y = 1, 2
type Engine struct { RouterGroup; Name, Alt string; fn func(a int) }
type Handler interface { Serve(c *Context) error }
type H map[string]any
type Alias = H
func (e *Engine) Run(addr ...string) (err error) { local := 1; type in struct{}; return }
func (e List[T]) Len() int { return 0 }
func New() *Engine { var z int; return nil }
