package a.b
import x._
trait T { def f: Int; val v: Int }
class C(val x: Int, y: Int) extends T { private var z = 1; def g(a: Int) = { val local = 1; a }; type A = Int }
object O { case class Inner(a: Int); val Const = 1 }
enum Color { case Red, Green }
