package a.b;
import x.y;
@interface Ann { String value(); }
public class A<T> extends B { static final int MAX = 1; private int a, b; A() {} void run(int p) { int local; class L {} Runnable r = new Runnable() { public void run() {} }; } enum E { X, Y { void m() {} } } interface I { int C = 1; void f(); } record R(int x) {} }
