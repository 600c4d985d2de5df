const express = require('x'), MAX = 3;
app.handle = function handle(req) { const local = 1; function inner() {} };
exports.parse = function (s) {};
Router.prototype.use = () => {};
class A extends B { #priv = 1; field = 2; constructor() {} get x() { return 1 } static m() {} }
export default function main() {}
const arrow = async (x) => { let y = () => 1; };
module.exports = { foo: function () {}, bar() {} };
(function () { var hidden = 1; function shown() {} })();
