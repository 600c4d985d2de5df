import fs, { join as glue, type Stats } from "node:fs";
import * as widgets from "./widgets";
const { parse } = require("./parse");

export interface Shape<T extends Base> extends Base {
  size: number;
  area(scale: number): Area;
  inner: { depth: Area };
}

export class Square extends widgets.Rect implements Shape<Base> {
  private side: Area = new Area();
  constructor(readonly owner: Person, side: Area) {
    super(side);
    this.side = side;
    this.extra = side;
  }
  area(scale: number): Area {
    const { width, height: tall } = this.measure(scale);
    return this.side.times(tall, width);
  }
  static of(owner: Person) {
    return new Square(owner, new Area());
  }
}

const make = (size: number) => Square.of(size).owner.name;
for (const item of list) {
  let size = item.size;
  glue(size, parse(fs), widgets.count, make(1).length);
}
type Mapped<T> = { [K in keyof T]: T[K] extends Promise<infer R> ? R : K };
export { make as create };
export * from "./others";
export { Thing } from "./thing";
export default Square;
function hoisted(shape: Shape<Base>) { return shape.inner.depth; }
