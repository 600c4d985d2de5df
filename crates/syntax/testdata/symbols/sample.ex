defmodule A.B do
  @attr 1
  def foo(x) when x > 1, do: x
  def foo(y), do: y
  defp bar, do: 1
  defmacro mac(x) do x end
  defstruct [:a]
end
defimpl P, for: X do
  def run(a), do: a
end
