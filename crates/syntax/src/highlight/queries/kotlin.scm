; The Kotlin grammar ships no query.
[(line_comment) (block_comment) (shebang)] @comment
(string_literal) @string
(multiline_string_literal) @string
(character_literal) @string
(escape_sequence) @string.escape
(interpolation) @embedded
(interpolation ["$" "${" "}"] @punctuation.special)
[(number_literal) (float_literal)] @number
(function_declaration name: (identifier) @function)
(call_expression . (identifier) @function)
(call_expression . (navigation_expression (identifier) @function .))
(class_declaration name: (identifier) @type)
(object_declaration name: (identifier) @type)
(type_alias type: (identifier) @type)
(user_type (identifier) @type)
(enum_entry (identifier) @constant)
(package_header (qualified_identifier) @module)
(annotation "@" @attribute)
(annotation (user_type (identifier) @attribute))
(annotation (constructor_invocation (user_type (identifier) @attribute)))
(label) @label
(class_parameter (identifier) @property)
[
  "abstract" "actual" "annotation" "as" "as?" "by" "catch" "class" "companion" "const" "constructor" "crossinline"
  "data" "do" "else" "enum" "expect" "external" "final" "finally" "for" "fun" "get" "if" "import" "in" "!in" "infix"
  "init" "inline" "inner" "interface" "internal" "is" "lateinit" "noinline" "object" "open" "operator" "out" "override"
  "package" "private" "protected" "public" "return" "return@" "sealed" "set" "super" "super@" "suspend" "tailrec" "this"
  "this@" "throw" "try" "typealias" "val" "value" "var" "vararg" "when" "where" "while"
  (reification_modifier)
] @keyword
["!" "!!" "!=" "!==" "%" "%=" "&&" "*" "*=" "+" "++" "+=" "-" "--" "-=" "->" ".." "..<" "/" "/=" "<" "<=" "=" "==" "===" ">" ">="
  "?:" "||"] @operator
((identifier) @constant (#any-of? @constant "true" "false" "null"))
