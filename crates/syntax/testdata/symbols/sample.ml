type t = A | B of int
type r = { x : int; mutable y : int }
module M = struct let inner x = x let v = 1 end
module type S = sig val f : int -> int end
let rec fact n = let local = 1 in n
let (a, b) = 1, 2
exception Bad of string
class c = object val mutable z = 1 method m = 1 end
external ext : int -> int = "x"
