import { Circle, Shape, Square } from "./shape";

export { Circle, Square };
export type { Shape };

/** The larger one of two shapes; “größer” 𝄞, by area. */
export function larger(one: Shape, other: Shape): Shape {
  const label = "𝄞"; const first = one.area(), second = other.area();
  return first >= second ? one : other;
}
