//! What the tests need beyond Rust and git: found, installed where that is possible, explained where it is not.

use crate::run;
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};

/// The one file of playwright-core this project drives Chromium with; pinned, it has no dependencies of its own.
const PLAYWRIGHT: &str = "playwright-core@1.65.1";
/// The accessibility checks that run inside each page; pinned, no dependencies.
const AXE: &str = "axe-core@4.14.1";

/// The indexers whose answers the tests hold against compilers; pinned, each brings the compiler it asks.
const INDEXERS: [&str; 2] = ["@sourcegraph/scip-typescript@0.4.0", "@sourcegraph/scip-python@0.6.6"];

/// A thing the tests need, and the Debian packages that bring it.
struct Need {
    what: &'static str,
    packages: &'static [&'static str],
    found: fn() -> bool,
}

const NEEDS: [Need; 4] = [
    Need { what: "PostgreSQL's server programs", packages: &["postgresql"], found: postgres_found },
    Need { what: "gitolite", packages: &["gitolite3"], found: || run::exists("gitolite") },
    Need { what: "Chromium", packages: &["chromium"], found: || chromium().is_some() },
    Need {
        what: "Node.js with npm",
        packages: &["nodejs", "npm"],
        found: || run::exists("node") && run::exists("npm"),
    },
];

/// Makes sure that everything the tests start is there: with `apt-get` as root, else by saying what to install.
pub(crate) fn ensure() -> Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.found)()).collect();
    if missing.is_empty() {
        return indexers();
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    let wanted = missing.iter().map(|need| need.what).collect::<Vec<_>>().join(", ");
    if !run::exists("apt-get") || !is_root() {
        bail!("the tests need {wanted}; on Debian: sudo apt-get install {}", packages.join(" "));
    }
    println!("installing {wanted}");
    let quiet = [("DEBIAN_FRONTEND", "noninteractive")];
    run::run_with("apt-get", &["update", "-qq"], &quiet)?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(&packages);
    run::run_with("apt-get", &arguments, &quiet)?;
    match missing.iter().find(|need| !(need.found)()) {
        Some(need) => bail!("{} is still missing after installing {}", need.what, packages.join(" ")),
        None => indexers(),
    }
}

/// Where Chromium is, if it is installed.
pub(crate) fn chromium() -> Option<PathBuf> {
    ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        .iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
}

/// The folder with `node_modules` for the browser tests, filled on first use.
pub(crate) fn node_modules() -> Result<PathBuf> {
    let folder = run::target_dir().join("browser-tools");
    install(&folder, &[PLAYWRIGHT, AXE])?;
    Ok(folder)
}

/// Installs the indexers, where the tests of precise indexes look for them.
fn indexers() -> Result<()> {
    install(&run::target_dir().join("indexers"), &INDEXERS)
}

/// Puts packages of npm, each as `name@version`, into a folder, unless they are there.
fn install(folder: &Path, packages: &[&str]) -> Result<()> {
    let is_there = |package: &&str| {
        let Some((name, version)) = package.rsplit_once('@') else { return false };
        let about = folder.join("node_modules").join(name).join("package.json");
        std::fs::read_to_string(about).is_ok_and(|text| text.contains(&format!("\"version\": \"{version}\"")))
    };
    if packages.iter().all(is_there) {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    let prefix = folder.to_string_lossy().into_owned();
    let arguments =
        ["install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--prefix", &prefix];
    run::run("npm", &[&arguments[..], packages].concat()).with_context(|| {
        format!("the tests need {} from the npm registry, and npm cannot install them", packages.join(", "))
    })
}

fn postgres_found() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    run::exists("postgres")
        || versions.into_iter().any(|version| version.path().join("bin/postgres").is_file())
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    Path::new("/proc/self").metadata().is_ok_and(|metadata| metadata.uid() == 0)
}
