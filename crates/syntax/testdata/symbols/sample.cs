namespace A.B { using System;
public class C<T> : D { const int K = 1; int a, b; public string Name { get; set; } public event E Ev; C() { var l = 1; } void M() { void Local() {} } delegate void Del(int x); enum En { P, Q } interface II { void F(); } struct St { public int z; } record Rec(int X); } }
