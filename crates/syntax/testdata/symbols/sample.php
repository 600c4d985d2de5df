<?php
namespace App\Models;
use X\Y;
const TOP = 1;
interface I { public function f(); }
trait T { }
enum Suit: string { case Hearts = 'H'; const W = 1; }
abstract class User extends Base implements I { const A = 1; public ?string $name = null; public function __construct(private int $id, $y) { $local = 1; } public static function find($id) { } }
function helper() { $x = 1; }
