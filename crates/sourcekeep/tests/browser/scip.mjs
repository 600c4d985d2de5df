// As much of SCIP as the browser tests need: documents with occurrences and what is said of symbols, in protocol buffers.

const varint = (/** @type {number} */ number) => {
  const bytes = [];
  for (; number > 127; number = Math.floor(number / 128)) bytes.push((number % 128) | 128);
  return Buffer.from([...bytes, number]);
};
const number = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);
const message = (field, ...parts) => {
  const bytes = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
};

/**
 * An index: of each path its occurrences, `[line, start, end, symbol, is_definition]`, and of symbols what is said.
 * @param {Record<string, [number, number, number, string, boolean][]>} documents
 * @param {Record<string, string[]>} said
 */
export function index(documents, said = {}) {
  const document = ([path, occurrences]) => {
    const defined = occurrences.filter((one) => one[4] && said[one[3]]);
    return message(
      2,
      message(1, path),
      ...occurrences.map(([line, start, end, symbol, isDefinition]) =>
        message(2, message(1, varint(line), varint(start), varint(end)), message(2, symbol), number(3, isDefinition ? 1 : 0))),
      ...defined.map(([, , , symbol]) => message(3, message(1, symbol), ...said[symbol].map((text) => message(3, text)))),
      number(6, 1),
    );
  };
  const tool = message(2, message(1, "scip-clang"), message(2, "0.4.0"));
  return Buffer.concat([message(1, tool), ...Object.entries(documents).map(document)]);
}
