export interface User extends Base { id: number; greet(x: string): void }
type Id = string | number;
enum Color { Red, Green = 2 }
namespace N.M { export const x = 1; }
abstract class C<T> { private readonly y: T; abstract run(): void; constructor(public z: number) { } }
export const fn = (a: number) => a;
declare module "foo" { function ext(): void }
