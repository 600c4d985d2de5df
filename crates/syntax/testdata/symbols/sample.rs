pub struct Point<T> { pub x: T, y: i32 }
pub enum Shape { Circle(f32), Square { side: f32 } }
impl<T> Point<T> {
    pub const ZERO: i32 = 0;
    pub fn new(x: T) -> Self { let local = 1; fn helper() {} static S: i32 = 1; todo() }
}
impl fmt::Display for Shape { fn fmt(&self) {} }
mod inner { pub trait Draw { type Out; fn draw(&self); } union U { a: i32 } }
macro_rules! my_vec { () => {} }
pub static GLOBAL: i32 = 1;
type Alias = Point<i32>;
