#!/bin/bash
NAME=value
foo() { local x=1; y=2; }
function bar { :; }
export PATH=1
FOO=1 cmd
