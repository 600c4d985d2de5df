//! What a path says about how much a reader cares for a document.

use crate::detect::language_by_path;
use crate::languages::{LanguageKind, language_info};
use model::{BlobFlags, DocFlags};

/// Finds whether a path is vendored, a test or generated. Linear in the path. Never sets [`DocFlags::SYMLINK`]: that is the
/// tree entry's to say.
pub fn doc_flags(path: &[u8]) -> DocFlags {
    let mut flags = DocFlags::default();
    let (folders, name) = match memchr::memrchr(b'/', path) {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[][..], path),
    };
    for folder in folders.split(|byte| *byte == b'/') {
        flags = flags.with(folder_flags(folder));
    }
    flags.with(name_flags(name))
}

/// The order in which documents are worth looking at: 0 is best. Source comes before documentation and data, those before
/// tests, vendored, generated, minified files and lock files; within a class, shallow paths come first.
pub fn static_rank(path: &[u8], doc_flags: DocFlags, blob_flags: BlobFlags) -> u8 {
    let class = class(path, doc_flags, blob_flags);
    let depth = memchr::memchr_iter(b'/', path).take(usize::from(DEPTHS_PER_CLASS)).count();
    // Eight classes of 32 depths fill a byte.
    class * DEPTHS_PER_CLASS + u8::try_from(depth).unwrap_or(u8::MAX).min(DEPTHS_PER_CLASS - 1)
}

const DEPTHS_PER_CLASS: u8 = 32;

/// 0 to 7: the worst that is known of the document.
fn class(path: &[u8], doc_flags: DocFlags, blob_flags: BlobFlags) -> u8 {
    let name = memchr::memrchr(b'/', path).map_or(path, |slash| &path[slash + 1..]);
    if is_lock_file(name) {
        7
    } else if blob_flags.contains(BlobFlags::MINIFIED) || doc_flags.contains(DocFlags::SYMLINK) {
        6
    } else if blob_flags.contains(BlobFlags::GENERATED) || doc_flags.contains(DocFlags::GENERATED) {
        5
    } else if doc_flags.contains(DocFlags::VENDORED) {
        4
    } else if doc_flags.contains(DocFlags::TEST) {
        3
    } else {
        let kind = language_info(language_by_path(path).best()).map(|info| info.kind);
        match kind {
            Some(LanguageKind::Programming) => 0,
            Some(LanguageKind::Markup) | None => 1,
            Some(LanguageKind::Prose | LanguageKind::Data) => 2,
        }
    }
}

/// What a folder's name says of everything below it.
fn folder_flags(folder: &[u8]) -> DocFlags {
    let mut buffer = [0u8; 24];
    let Some(lowered) = buffer.get_mut(..folder.len()) else { return DocFlags::default() };
    lowered.copy_from_slice(folder);
    lowered.make_ascii_lowercase();
    match &*lowered {
        b"vendor" | b"vendors" | b"vendored" | b"third_party" | b"third-party" | b"thirdparty"
        | b"3rdparty" | b"3rd_party" | b"3rd-party" | b"node_modules" | b"bower_components"
        | b"jspm_packages" | b"extern" | b"external" | b"externals" | b"godeps" | b"carthage" | b"pods"
        | b"site-packages" | b".yarn" | b"contrib-deps" | b"submodules" => DocFlags::VENDORED,
        b"test" | b"tests" | b"testdata" | b"test-data" | b"test_data" | b"__tests__" | b"__mocks__"
        | b"__snapshots__" | b"spec" | b"specs" | b"fixtures" | b"__fixtures__" | b"e2e" | b"testsuite"
        | b"testsuites" | b"selftests" | b"selftest" | b"unittest" | b"unittests" | b"unit_tests"
        | b"unit-tests" | b"integration_tests" | b"integration-tests" | b"integrationtest"
        | b"androidtest" | b"testing-data" | b"kunit" | b"gtest" => DocFlags::TEST,
        b"generated" | b"__generated__" | b"gen-src" | b"autogen" | b"_generated" => DocFlags::GENERATED,
        _ => DocFlags::default(),
    }
}

fn name_flags(name: &[u8]) -> DocFlags {
    let mut flags = DocFlags::default();
    if is_generated_name(name) {
        flags = flags.with(DocFlags::GENERATED);
    }
    if is_test_name(name) {
        flags = flags.with(DocFlags::TEST);
    }
    if is_vendored_name(name) {
        flags = flags.with(DocFlags::VENDORED);
    }
    flags
}

/// Files that package managers write to pin versions.
fn is_lock_file(name: &[u8]) -> bool {
    matches!(
        name,
        b"package-lock.json"
            | b"npm-shrinkwrap.json"
            | b"yarn.lock"
            | b"pnpm-lock.yaml"
            | b"bun.lock"
            | b"bun.lockb"
            | b"deno.lock"
            | b"Cargo.lock"
            | b"go.sum"
            | b"go.work.sum"
            | b"Gopkg.lock"
            | b"glide.lock"
            | b"Gemfile.lock"
            | b"Podfile.lock"
            | b"poetry.lock"
            | b"pdm.lock"
            | b"uv.lock"
            | b"Pipfile.lock"
            | b"composer.lock"
            | b"flake.lock"
            | b"mix.lock"
            | b"pubspec.lock"
            | b"gradle.lockfile"
            | b"packages.lock.json"
            | b"paket.lock"
            | b"Package.resolved"
            | b"Cartfile.resolved"
            | b".terraform.lock.hcl"
            | b"MODULE.bazel.lock"
            | b"elm-stuff"
    )
}

/// Ends of names that code generators use.
const GENERATED_ENDS: &[&[u8]] = &[
    b".pb.go",
    b".pb.gw.go",
    b"_grpc.pb.go",
    b".pb.cc",
    b".pb.h",
    b".pb.c",
    b"_pb2.py",
    b"_pb2.pyi",
    b"_pb2_grpc.py",
    b"_pb.js",
    b"_pb.rb",
    b"_pb.ts",
    b"_pb.d.ts",
    b".g.dart",
    b".freezed.dart",
    b".pb.dart",
    b".designer.cs",
    b".Designer.cs",
    b".Designer.vb",
    b".g.cs",
    b".g.i.cs",
    b".min.js",
    b".min.css",
    b".min.mjs",
    b"-min.js",
    b".js.map",
    b".css.map",
    b".c_shipped",
    b".h_shipped",
    b".S_shipped",
    b".tab.c",
    b".tab.h",
    b"lex.yy.c",
    b".gen.go",
    b"_generated.go",
    b"_easyjson.go",
    b".snap",
    b".bundle.js",
];

fn is_generated_name(name: &[u8]) -> bool {
    let has_word = |word: &[u8]| memchr::memmem::find(name, word).is_some();
    is_lock_file(name)
        || GENERATED_ENDS.iter().any(|end| name.ends_with(end))
        || matches!(name, b"configure" | b"aclocal.m4" | b"Makefile.in")
        || name.starts_with(b"zz_generated")
        || name.starts_with(b"moc_") && name.ends_with(b".cpp")
        || has_word(b".generated.")
        || has_word(b"_generated.")
}

/// Scripts and libraries that are copied into repositories whole.
fn is_vendored_name(name: &[u8]) -> bool {
    let is_script = name.ends_with(b".js") || name.ends_with(b".css");
    matches!(
        name,
        b"config.guess"
            | b"config.sub"
            | b"ltmain.sh"
            | b"libtool.m4"
            | b"install-sh"
            | b"missing"
            | b"depcomp"
            | b"gradlew"
            | b"gradlew.bat"
            | b"mvnw"
            | b"mvnw.cmd"
    ) || is_script
        && [&b"jquery"[..], b"bootstrap.", b"bootstrap-"].iter().any(|start| name.starts_with(start))
}

/// `test_x.py`, `x_test.go`, `x.spec.ts`, `XTest.java` and their kin; never a mere `latest.c`.
fn is_test_name(name: &[u8]) -> bool {
    let mut parts = name.split(|byte| *byte == b'.');
    let stem = parts.next().unwrap_or_default();
    let mut ending = parts.clone().next_back().unwrap_or_default();
    if ending.len() > 8 {
        ending = &[];
    }
    let lower_ends: [&[u8]; 8] =
        [b"_test", b"_tests", b"-test", b"-tests", b"_spec", b"-spec", b"_unittest", b"_browsertest"];
    let starts: [&[u8]; 3] = [b"test_", b"test-", b"tests_"];
    let camel_ends: [&[u8]; 4] = [b"Test", b"Tests", b"TestCase", b"Spec"];
    let is_camel_language =
        matches!(ending, b"java" | b"kt" | b"cs" | b"scala" | b"php" | b"swift" | b"groovy");
    parts.next_back();
    let has_middle = parts.any(|part| matches!(part, b"test" | b"tests" | b"spec" | b"e2e" | b"cy"));
    matches!(stem, b"test" | b"tests" | b"conftest" | b"unittest")
        || lower_ends.iter().any(|end| stem.ends_with(end))
        || starts.iter().any(|start| stem.starts_with(start))
        || has_middle
        || is_camel_language && camel_ends.iter().any(|end| stem.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: DocFlags = DocFlags(0);

    fn check(path: &str, expected: DocFlags) {
        assert_eq!(doc_flags(path.as_bytes()), expected, "{path}");
    }

    #[test]
    fn tests() {
        for path in [
            "tests/it/main.rs",
            "src/__tests__/a.js",
            "a/test_b.py",
            "a/b_test.go",
            "a/b.spec.ts",
            "a/BTest.java",
            "tools/testing/selftests/x.c",
            "test.c",
            "a/b_spec.rb",
            "Test/x.cs",
            "conftest.py",
            "a/fixtures/b.json",
        ] {
            check(path, DocFlags::TEST);
        }
        for path in [
            "latest.c",
            "contest.py",
            "attest/a.c",
            "src/testing.rs",
            "a/GREATEST.java",
            "protest.js",
            "a.test",
        ] {
            check(path, NONE);
        }
    }

    #[test]
    fn vendored_and_generated() {
        for path in [
            "vendor/a/b.go",
            "x/node_modules/y.js",
            "Third_Party/z.c",
            "build/config.guess",
            "js/jquery-3.1.js",
        ] {
            check(path, DocFlags::VENDORED);
        }
        for path in [
            "a/b.pb.go",
            "x_pb2.py",
            "Cargo.lock",
            "app.min.js",
            "a/zz_generated.deepcopy.go",
            "src/generated/a.rs",
        ] {
            check(path, DocFlags::GENERATED);
        }
        for path in ["src/vendoring.rs", "a/generated.rs", "src/main.c", "", "/", "//", "README.md"] {
            check(path, NONE);
        }
        check("vendor/a/a_test.go", DocFlags::VENDORED.with(DocFlags::TEST));
    }

    #[test]
    fn rank_order() {
        let rank = |path: &str| static_rank(path.as_bytes(), doc_flags(path.as_bytes()), BlobFlags(0));
        let best_first = [
            "main.c",
            "src/main.c",
            "a/b/c/main.c",
            "page.html",
            "docs/guide.md",
            "tests/main.c",
            "vendor/x/main.c",
            "a.pb.go",
            "Cargo.lock",
        ];
        assert!(best_first.map(rank).is_sorted_by(|left, right| left < right), "{:?}", best_first.map(rank));
        let minified = static_rank(b"a.js", NONE, BlobFlags::MINIFIED);
        assert!(rank("a.pb.go") < minified && minified < rank("Cargo.lock"));
        let deep = "a/".repeat(100_000) + "main.c";
        assert_eq!(rank(&deep), 31);
    }
}
