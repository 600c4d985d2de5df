local M = {}
local function helper() local x = 1 end
function M.foo(a) end
function M:bar() end
M.baz = function() end
GLOBAL = 1
