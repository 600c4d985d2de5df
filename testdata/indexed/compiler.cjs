// What TypeScript itself says of every name in a project: where it is declared, and how its type reads. The tests hold the
// server's answers against it. Usage: node compiler.cjs <folder of typescript> <project>
"use strict";
const path = require("path");
const ts = require(process.argv[2]);
const project = path.resolve(process.argv[3]);

const config = ts.readConfigFile(path.join(project, "tsconfig.json"), ts.sys.readFile);
const { fileNames, options } = ts.parseJsonConfigFileContent(config.config, ts.sys, project);
const program = ts.createProgram(fileNames, options);
const checker = program.getTypeChecker();
const faults = ts.getPreEmitDiagnostics(program);
if (faults.length > 0) throw new Error(ts.formatDiagnostics(faults, ts.createCompilerHost(options)));

/** Lines from 1, columns in bytes of UTF-8. */
function place(file, offset) {
  const { line, character } = file.getLineAndCharacterOfPosition(offset);
  const start = file.getPositionOfLineAndCharacter(line, 0);
  const column = Buffer.byteLength(file.text.slice(start, start + character));
  const relative = path.relative(project, file.fileName).split(path.sep).join("/");
  const [, name, inside] = /^node_modules\/@sourcekeep-test\/([^/]+)\/(.*)$/.exec(relative) || [null, path.basename(project), relative];
  return { repo: name, path: inside, line: line + 1, column };
}

const names = [];
for (const file of program.getSourceFiles().filter((file) => fileNames.includes(file.fileName))) {
  (function visit(node) {
    if (ts.isIdentifier(node)) {
      let symbol = checker.getSymbolAtLocation(node);
      if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
      // What is made by "new" is made by a constructor, where one is written.
      const made = ts.isNewExpression(node.parent) && node.parent.expression === node;
      const maker = made && (checker.getResolvedSignature(node.parent) || {}).declaration;
      if (maker && ts.isConstructorDeclaration(maker)) symbol = { declarations: [maker] };
      const declared = (symbol && symbol.declarations) || [];
      const own = declared.filter((one) => !/node_modules\/typescript\//.test(one.getSourceFile().fileName));
      const places = own.map((one) => place(one.getSourceFile(), (one.name || one).getStart()));
      names.push({ ...place(file, node.getStart(file)), text: node.text, declared: places });
    }
    ts.forEachChild(node, visit);
  })(file);
}
process.stdout.write(JSON.stringify(names));
