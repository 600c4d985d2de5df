/** Something that has an area. */
export interface Shape {
  readonly name: string;
  /** How much of the plane it covers. */
  area(): number;
}

/** A circle around the origin. */
export class Circle implements Shape {
  readonly name = "circle";
  constructor(readonly radius: number) {}

  area(): number {
    return square(this.radius) * Math.PI;
  }
}

export class Square implements Shape {
  readonly name = "square";
  constructor(private readonly side: number) {}

  area(): number {
    return square(this.side);
  }
}

/** A number times itself. */
function square(side: number): number {
  return side * side;
}
