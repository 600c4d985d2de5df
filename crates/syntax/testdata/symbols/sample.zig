const std = @import("std");
pub const Point = struct { x: i32, y: i32 = 0, pub fn init() Point { const local = 1; return .{}; } };
const E = enum { a, b };
var global: i32 = 1;
pub fn main() void {}
