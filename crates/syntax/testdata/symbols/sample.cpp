namespace ns { namespace a::b {
template <typename T> class Vec : public Base { public: Vec(); ~Vec() {} T& at(int i) { return x; } void decl(); int m_; static const int K = 1; enum class E { X, Y }; };
}}
template<> int ns::Vec<int>::decl() { return 0; }
void Foo::bar() const { auto l = [] { }; }
bool operator==(const A& a, const B& b) { return true; }
using Str = std::string;
Foo::Foo(int x) : a(x) {}
Foo::~Foo() {}
struct S { int operator()(int a) { return a; } operator bool() const { return true; } };
