; Added to the Ruby grammar's own query: a constant with small letters names a class or module.
((constant) @type (#match? @type "[a-z]"))
