// A small world for the browser tests: git repositories made by script, and one running `sourcekeep up` over them.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const IDENTITY = {
  GIT_AUTHOR_NAME: "Ada", GIT_AUTHOR_EMAIL: "ada@example.invalid", GIT_AUTHOR_DATE: "2024-03-01T12:00:00Z",
  GIT_COMMITTER_NAME: "Ada", GIT_COMMITTER_EMAIL: "ada@example.invalid", GIT_COMMITTER_DATE: "2024-03-01T12:00:00Z",
  GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1",
};

const CHANNEL_C = `#include <stdio.h>
#include <stdlib.h>

/* A channel carries frames from one end to the other. */
struct channel {
\tint n_frames;
\tchar *name;
};

static int channel_open(struct channel *channel, const char *name)
{
\tchannel->name = strdup(name);
\tif (!channel->name)
\t\treturn -ENOMEM;
\treturn 0;
}

int main(void)
{
\tstruct channel channel = { 0 };
\tint error = channel_open(&channel, "front");
\tprintf("<b>%s</b> & %d\\n", channel.name, error);
\treturn error;
}
`;

const MASTER_GO = `package harbor

// Master keeps the book.
type Master struct {
\tbook []string
}

// Enter writes a ship down.
func (m *Master) Enter(ship string) error {
\tif ship == "" {
\t\treturn errNameless
\t}
\tm.book = append(m.book, ship)
\treturn nil
}
`;

export function repository(folder, branches) {
  mkdirSync(folder, { recursive: true });
  const git = (...words) => execFileSync("git", ["-C", folder, ...words], { env: { ...process.env, ...IDENTITY }, stdio: "pipe" });
  git("init", "--quiet", "--initial-branch=main");
  for (const [branch, files] of Object.entries(branches)) {
    if (branch !== "main") git("switch", "--quiet", "--create", branch);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
    git("add", "--all");
    git("commit", "--quiet", "--message", `the state of ${branch}`);
  }
  git("tag", "v1.0", "main");
  git("switch", "--quiet", "main");
  return { git: (...words) => git(...words).toString().trim() };
}

/** A red square of 32 × 32 pixels. */
const SQUARE =
  "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2jAAAAKklEQVR42mM4YKBAU8QwasGoBaMWjFowasGoBaMWjFowasGoBaMWDBULAA7YQD1Kp2AiAAAAAElFTkSuQmCC";

const NOTEBOOK = JSON.stringify({
  nbformat: 4,
  metadata: { language_info: { name: "python" } },
  cells: [
    { cell_type: "markdown", source: ["# Tides\n", "When ships can come in, by the *book*."] },
    {
      cell_type: "code", execution_count: 1, source: ["import math\n", "\n", "def tide(hour):\n", "    return 2 + math.sin(hour / 12.4)\n", "tide(3)"],
      outputs: [
        { output_type: "execute_result", data: { "text/plain": "2.2396103" } },
        { output_type: "display_data", data: { "image/png": SQUARE, "text/plain": "<Figure>" } },
        { output_type: "display_data", data: { "text/html": "<table onclick=alert(1)><tr><td>1</td></tr></table>" } },
      ],
    },
    { cell_type: "code", execution_count: null, source: "1 / 0", outputs: [{ output_type: "error", ename: "ZeroDivisionError", evalue: "division by zero", traceback: ["\u001b[0;31mZeroDivisionError\u001b[0m: division by zero"] }] },
    { cell_type: "raw", source: "for another program" },
  ],
});

function codeLines(n_lines) {
  return Array.from({ length: n_lines }, (_, idx) => `static const int row_${idx} = ${idx}; /* needle_${idx % 97} */`).join("\n") + "\n";
}

/**
 * Makes the repositories, starts the server and waits for its one-time link; browsers call it by `name`. `more` adds repositories,
 * `config` is what stands in its configuration.
 */
export async function start(binary, name = "127.0.0.1", more = (/** @type {string} */ _code) => {}, config = "") {
  const folder = mkdtempSync(join(tmpdir(), "sourcekeep-browser-"));
  const code = join(folder, "code");
  const harbor = repository(join(code, "harbor"), {
    main: {
      "README.md": "# Harbor\n\nShips come and go.\n",
      "src/channel.c": CHANNEL_C,
      "src/<img src=x onerror=alert(1)>.js": "export const channel = '<script>alert(1)</script>';\n",
      "tests/channel_test.py": "def test_channel_open():\n    assert channel_open('front') == 0\n",
      "docs/tides.ipynb": NOTEBOOK,
      "docs/latin1.txt": Buffer.from("caf\xe9 au lait, d\xe9j\xe0 vu, gar\xe7on, l'\xe9t\xe9 \xe0 la plage\n", "latin1"),
      "logo.png": Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0, 1, 2, 3]),
      "src/big.c": codeLines(5000),
      ".github/CODEOWNERS": "*.c @crew/channels\n/docs/ ada@example.invalid\n",
    },
    "feature/lantern": { "src/lantern.rs": "/// Lights the way.\npub fn lantern() -> u32 {\n    let channel_open = 1;\n    channel_open + 41\n}\n" },
  });
  writeFileSync(join(code, "harbor/README.md"), "# Harbor\n\nShips come and go, and the harbor master writes it down.\n");
  writeFileSync(join(code, "harbor/src/master.go"), MASTER_GO);
  harbor.git("add", "--all");
  harbor.git("commit", "--quiet", "--message", "Write down who comes and goes\n\nThe harbor master keeps a book.\nNobody else may write in it.");
  repository(join(code, "tools/anchor"), {
    main: { "anchor.py": "class Anchor:\n    \"\"\"Holds a ship.\"\"\"\n\n    def channel_open(self):\n        return True\n", "many.txt": codeLines(900) },
  });
  more(code);
  const port = await freePort();
  writeFileSync(join(folder, "config.toml"), config);
  const server = spawn(binary, ["up", code, "--config", join(folder, "config.toml"), "--data", join(folder, "data"), "--listen", `127.0.0.1:${port}`], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, HOME: folder },
  });
  const told = { text: "" };
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (bytes) => (told.text += bytes));
  const base = `http://${name}:${port}`;
  const path = await waitFor(() => told.text.match(/http:\/\/127\.0\.0\.1:\d+(\/setup\S*)/)?.[1], () => `no one-time link was printed:\n${told.text}`);
  const link = base + path;
  const stop = async () => {
    const gone = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  return { base, link, folder, harbor, stop, told };
}

/** Waits until `probe` gives something, at most 60 s; `explain` says what was missing. */
export async function waitFor(probe, explain) {
  const end = Date.now() + 60_000;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(explain());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
