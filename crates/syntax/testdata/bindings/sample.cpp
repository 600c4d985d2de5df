#include <vector>
namespace app {
class Widget : public Base {
 public:
  explicit Widget(int size) : size_(size) {}
  int area() const;
  Widget* parent;
 private:
  int size_;
};

int Widget::area() const {
  auto scale = factor(size_);
  return parent->area() * scale;
}
}
int main() {
  app::Widget widget(3);
  auto other = new app::Widget(4);
  for (auto& item : widget.items) item.show();
  return widget.area() + other->area();
}
