import { Circle, Shape, Square, larger } from "@sourcekeep-test/shapes";

const square = new Square(2);
const circle = new Circle(1);

export function draw(shape: Shape): string {
  return `${shape.name} ${shape.area()}`;
}

export class Canvas {
  private readonly shapes: Shape[] = [circle, square];

  largest(): Shape {
    return this.shapes.reduce((best, next) => larger(best, next));
  }
}

draw(new Canvas().largest());
