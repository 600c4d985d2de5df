// Progress of repositories that are being cloned or indexed, while the page is looked at.

const PERIOD_MS = 1500;

/** @typedef {{name: string, status: string, progress: {percent: number | null, phase: string, left: string} | null}} Repo */

/** Follows the repositories of this page that are busy. */
export function live() {
  const busy = () => [...document.querySelectorAll(".state.busy[data-repo]")];
  if (!busy().length) return;
  const look = async () => {
    if (document.hidden) return void setTimeout(look, PERIOD_MS);
    const names = busy().map((state) => /** @type {HTMLElement} */ (state).dataset.repo ?? "");
    if (!names.length) return;
    try {
      const query = names.slice(0, 50).map((name) => `name=${encodeURIComponent(name)}`);
      const response = await fetch(`/api/v1/repos?${query.join("&")}`, { headers: { accept: "application/json" } });
      if (!response.ok) return;
      const { repos } = /** @type {{repos: Repo[]}} */ (await response.json());
      for (const repo of repos) update(repo);
    } catch {
      // The server is away: look again later.
    }
    if (busy().length) setTimeout(look, PERIOD_MS);
    // What became ready deserves its whole row: names, commit, age.
    else if (location.pathname === "/repos") location.reload();
  };
  setTimeout(look, PERIOD_MS);
}

/** @param {Repo} repo */
function update(repo) {
  for (const state of document.querySelectorAll(`.state.busy[data-repo="${CSS.escape(repo.name)}"]`)) {
    if (!repo.progress) {
      // Waiting for its turn: the row says so already.
      if (repo.status === "indexing" || repo.status === "cloning") continue;
      state.className = `state ${repo.status}`;
      state.textContent = repo.status;
      continue;
    }
    const [phase, bar, left] = state.children;
    if (phase) phase.textContent = repo.progress.phase;
    if (left) left.textContent = repo.progress.left;
    if (!(bar instanceof HTMLProgressElement)) continue;
    if (repo.progress.percent === null) bar.removeAttribute("value");
    else bar.value = repo.progress.percent;
  }
}
