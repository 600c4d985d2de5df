module Jekyll
  VERSION = "1"
  class Site < Base
    attr_accessor :config, :dest
    def initialize(c); @x = 1; y = 2; end
    def self.build; end
    class << self
      def cached?; end
    end
    alias_method :a, :b
    alias foo bar
  end
  class Foo::Bar; def a=(x); end; def [](i); end; end
end
