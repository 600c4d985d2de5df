require "set"
class Cart < Base
  attr_reader :items
  def initialize(items, limit: 3)
    @items = items
    @limit = limit
  end

  def total(rate = 1)
    sum = 0
    @items.each { |item| sum += item.price * rate }
    order = Order.new
    order.submit(sum)
    helper(sum)
  end
end
