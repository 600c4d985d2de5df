; Added to the Go grammar's own query, whose first pattern is meant to win.
(function_declaration name: (identifier) @function)
(method_declaration name: (field_identifier) @function.method)
(call_expression function: (identifier) @function)
(call_expression function: (selector_expression field: (field_identifier) @function.method))
(package_identifier) @module
(const_spec name: (identifier) @constant)
