//! C and its kin: macros that hide the shape of code are blanked out, and long texts are read in pieces.

use super::grammars::Grammar;
use super::{Collector, SymbolError, walk};
use model::{ByteRange, SymbolKind};

/// A piece ends at the first place after this many bytes that looks like the end of something.
const PIECE_BYTES: usize = 512 << 10;
/// …and at a line's end after this many.
const PIECE_BYTES_MAX: usize = 2 << 20;

/// Reads a text, piece by piece. A piece that fails is lost, the others count.
pub(super) fn read(grammar: &'static Grammar, found: &mut Collector<'_>) -> Result<(), SymbolError> {
    let text = found.text;
    let (source, macros) = blanked(text);
    for Macro { kind, name, extent } in macros {
        found.push(kind, name, extent, 0);
    }
    let mut start = 0;
    let mut fault = None;
    while start < source.len() {
        let end = end_of_piece(&source, start);
        match walk::read(grammar, found, &source[start..end], start) {
            Ok(()) => {}
            Err(error @ SymbolError::Cancelled) => return Err(error),
            Err(error) => {
                found.check()?;
                found.is_cut = true;
                fault = Some(error);
            }
        }
        start = end;
    }
    match fault {
        Some(error) if found.symbols.is_empty() => Err(error),
        _ => Ok(()),
    }
}

/// Where a piece may end: behind a `}` that begins a line, or before a `#define` that no line continues into.
fn end_of_piece(source: &[u8], start: usize) -> usize {
    if source.len() - start <= PIECE_BYTES {
        return source.len();
    }
    let mut at = start + PIECE_BYTES;
    let limit = (start + PIECE_BYTES_MAX).min(source.len());
    while let Some(newline) = memchr::memchr(b'\n', &source[at..limit]) {
        let next = at + newline + 1;
        let before = source[..next - 1].strip_suffix(b"\r").unwrap_or(&source[..next - 1]);
        let line = &source[next..limit];
        if line.starts_with(b"}") {
            let end = memchr::memchr(b'\n', line).map_or(limit, |len| next + len + 1);
            return end;
        }
        if line.starts_with(b"#define") && !before.ends_with(b"\\") {
            return next;
        }
        at = next;
    }
    if limit == source.len() {
        return limit;
    }
    // No border in two megabytes: a table. It is cut at a line.
    memchr::memrchr(b'\n', &source[start..limit]).map_or(limit, |at| start + at + 1)
}

/// The text without what hides its shape: annotations that a macro turns into nothing, conditional directives, and the
/// alternatives of those that stand within code. As long as before, so that every offset stays.
pub(super) fn blanked(text: &str) -> (Vec<u8>, Vec<Macro>) {
    let bytes = text.as_bytes();
    let mut blanker = Blanker {
        bytes,
        source: bytes.to_vec(),
        braces: Vec::new(),
        n_opaque: 0,
        is_transparent: false,
        conditions: Vec::new(),
        n_blanked: 0,
        macros: Vec::new(),
    };
    blanker.run();
    (blanker.source, blanker.macros)
}

/// What a macro defines: `DEFINE_MUTEX(name)`, `SYSCALL_DEFINE3(name, …)`.
pub(super) struct Macro {
    kind: SymbolKind,
    name: ByteRange,
    extent: ByteRange,
}

/// `#if`: what was open there, and where the alternative that is to be blanked begins.
struct Condition {
    n_braces: usize,
    is_in_code: bool,
    alternative: Option<usize>,
}

/// Reads a text once, knowing as little of C as is needed: comments, strings, braces, directives.
struct Blanker<'a> {
    bytes: &'a [u8],
    source: Vec<u8>,
    /// The open braces: whether code or members are in them. Namespaces and `extern "C"` are transparent.
    braces: Vec<bool>,
    n_opaque: usize,
    is_transparent: bool,
    conditions: Vec<Condition>,
    /// How many alternatives that do not count are around.
    n_blanked: usize,
    macros: Vec<Macro>,
}

/// Conditions within conditions that are followed.
const CONDITIONS_MAX: usize = 200;

impl Blanker<'_> {
    fn run(&mut self) {
        let bytes = self.bytes;
        let mut at = 0;
        let mut is_line_start = true;
        while let Some(byte) = bytes.get(at) {
            let was_line_start = std::mem::replace(&mut is_line_start, false);
            at = match byte {
                b'\n' => {
                    is_line_start = true;
                    at + 1
                }
                b' ' | b'\t' | b'\r' | b'\x0C' => {
                    is_line_start = was_line_start;
                    at + 1
                }
                b'#' if was_line_start => {
                    is_line_start = true;
                    self.directive(at)
                }
                b'/' if bytes[at..].starts_with(b"/*") => {
                    is_line_start = was_line_start;
                    let close = memchr::memmem::find(&bytes[at + 2..], b"*/");
                    close.map_or(bytes.len(), |len| at + len + 4)
                }
                b'/' if bytes[at..].starts_with(b"//") => {
                    memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |len| at + len)
                }
                b'"' | b'\'' => self.literal(at, *byte),
                b'{' => {
                    self.open();
                    at + 1
                }
                b'}' => {
                    self.close();
                    at + 1
                }
                b';' => {
                    self.is_transparent = false;
                    at + 1
                }
                _ if is_word(*byte) => self.word(at),
                _ => at + 1,
            };
        }
    }

    fn open(&mut self) {
        let is_opaque = !std::mem::take(&mut self.is_transparent);
        if self.n_blanked > 0 {
            return;
        }
        self.n_opaque += usize::from(is_opaque);
        self.braces.push(is_opaque);
    }

    fn close(&mut self) {
        self.is_transparent = false;
        if self.n_blanked == 0 && self.braces.pop() == Some(true) {
            self.n_opaque -= 1;
        }
    }

    /// The end of a string or character; one that does not end on its line is none.
    fn literal(&mut self, at: usize, quote: u8) -> usize {
        let mut end = at + 1;
        while let Some(byte) = self.bytes.get(end) {
            match byte {
                b'\\' => end += 2,
                b'\n' => return at + 1,
                byte if *byte == quote => {
                    self.is_transparent |=
                        &self.bytes[at..=end] == b"\"C\"" || &self.bytes[at..=end] == b"\"C++\"";
                    return end + 1;
                }
                _ => end += 1,
            }
        }
        at + 1
    }

    /// Takes a word: an annotation is blanked, with its arguments.
    fn word(&mut self, at: usize) -> usize {
        let len = self.bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
        let (word, end) = (&self.bytes[at..at + len], at + len);
        if !(4..=40).contains(&len) || word[0].is_ascii_digit() {
            return end;
        }
        self.is_transparent |= word == b"namespace";
        if self.n_opaque == 0 && (is_definition(word) || is_syscall(word)) {
            return self.definition(at, end);
        }
        match annotation(word) {
            Annotation::No => end,
            Annotation::Word => {
                self.source[at..end].fill(b' ');
                end
            }
            Annotation::Call => {
                let end = end_of_call(self.bytes, end);
                blank(&mut self.source[at..end]);
                end
            }
        }
    }

    /// Takes a macro that defines what its first argument names; of a type and a name, the second.
    fn definition(&mut self, at: usize, word_end: usize) -> usize {
        let word = &self.bytes[at..word_end];
        let end = end_of_call(self.bytes, word_end);
        let Some(arguments) = self.bytes[word_end..end].strip_suffix(b")") else { return word_end };
        let mut start = word_end + arguments.iter().take_while(|byte| !is_word(**byte)).count();
        if word.starts_with(b"DEFINE_PER_CPU") {
            let Some(comma) = memchr::memchr(b',', &self.bytes[start..end]) else { return end };
            start += comma + 1;
            start += self.bytes[start..end].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        }
        let len = self.bytes[start..end].iter().take_while(|byte| is_word(**byte)).count();
        let is_name = len > 0 && !self.bytes[start].is_ascii_digit();
        if is_name {
            let kind = if is_syscall(word) { SymbolKind::Function } else { SymbolKind::Variable };
            self.macros.push(Macro { kind, name: start..start + len, extent: at..end });
            blank(&mut self.source[at..end]);
        }
        end
    }

    /// Takes a line that begins with `#`, and those it continues on. All but definitions are blanked.
    fn directive(&mut self, at: usize) -> usize {
        let bytes = self.bytes;
        let mut end = at;
        loop {
            match memchr::memchr(b'\n', &bytes[end..]) {
                None => {
                    end = bytes.len();
                    break;
                }
                Some(len) => {
                    let line = &bytes[end..end + len];
                    let line = line.strip_suffix(b"\r").unwrap_or(line);
                    end += len + 1;
                    if !line.ends_with(b"\\") {
                        break;
                    }
                }
            }
        }
        let rest = bytes[at + 1..end].trim_ascii_start();
        let len = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        match &rest[..len] {
            b"define" => return end,
            b"if" | b"ifdef" | b"ifndef" => {
                let is_in_code = self.n_opaque > 0;
                if self.conditions.len() < CONDITIONS_MAX {
                    let n_braces = self.braces.len();
                    self.conditions.push(Condition { n_braces, is_in_code, alternative: None });
                }
            }
            b"else" | b"elif" | b"elifdef" | b"elifndef" => self.alternative(end),
            b"endif" => {
                if let Some(condition) = self.conditions.pop()
                    && let Some(start) = condition.alternative
                {
                    self.n_blanked -= 1;
                    blank(&mut self.source[start..at]);
                }
            }
            _ => {}
        }
        blank(&mut self.source[at..end]);
        end
    }

    /// Another branch begins at `start`. Within code, or where the first one left braces open, one branch is enough.
    fn alternative(&mut self, start: usize) {
        let n_braces = self.braces.len();
        let Some(condition) = self.conditions.last_mut() else { return };
        let is_unbalanced = n_braces != condition.n_braces;
        if condition.alternative.is_none() && (condition.is_in_code || is_unbalanced) {
            condition.alternative = Some(start);
            self.n_blanked += 1;
        }
    }
}

/// Cleanup helpers name functions that are defined elsewhere.
fn is_definition(word: &[u8]) -> bool {
    word.starts_with(b"DEFINE_") && !matches!(word, b"DEFINE_FREE" | b"DEFINE_GUARD" | b"DEFINE_CLASS")
}

fn is_syscall(word: &[u8]) -> bool {
    word.strip_prefix(b"COMPAT_").unwrap_or(word).starts_with(b"SYSCALL_DEFINE")
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn blank(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}

enum Annotation {
    No,
    /// The word alone.
    Word,
    /// The word with its arguments, if any follow.
    Call,
}

/// Annotations of the Linux kernel, of glibc, of BSD and of large C++ programs. A list, because `__u32` and `__init` look the
/// same.
fn annotation(word: &[u8]) -> Annotation {
    match word {
        b"__init"
        | b"__exit"
        | b"__initdata"
        | b"__initconst"
        | b"__exitdata"
        | b"__devinit"
        | b"__devexit"
        | b"__meminit"
        | b"__meminitdata"
        | b"__cpuinit"
        | b"__ref"
        | b"__refdata"
        | b"__always_inline"
        | b"__always_unused"
        | b"__maybe_unused"
        | b"__must_check"
        | b"__user"
        | b"__kernel"
        | b"__iomem"
        | b"__percpu"
        | b"__rcu"
        | b"__force"
        | b"__safe"
        | b"__nocast"
        | b"__bitwise"
        | b"__private"
        | b"__used"
        | b"__cold"
        | b"__pure"
        | b"__hot"
        | b"__weak"
        | b"__malloc"
        | b"__packed"
        | b"__noreturn"
        | b"__sched"
        | b"__lockfunc"
        | b"__latent_entropy"
        | b"__randomize_layout"
        | b"__no_randomize_layout"
        | b"__ro_after_init"
        | b"__read_mostly"
        | b"__cacheline_aligned"
        | b"____cacheline_aligned"
        | b"__cacheline_aligned_in_smp"
        | b"____cacheline_aligned_in_smp"
        | b"__visible"
        | b"__noclone"
        | b"__no_kcsan"
        | b"__no_sanitize_address"
        | b"__flatten"
        | b"__net_init"
        | b"__net_exit"
        | b"__net_initdata"
        | b"__init_or_module"
        | b"__init_memblock"
        | b"__kprobes"
        | b"__irq_entry"
        | b"__softirq_entry"
        | b"__bpf_kfunc"
        | b"__naked"
        | b"__inline_maybe"
        | b"__page_aligned_bss"
        | b"__page_aligned_data"
        | b"__init_refok"
        | b"__head"
        | b"__cpuidle"
        | b"__initdata_or_meminfo"
        | b"__initdata_memblock"
        | b"__exception_irq_entry"
        | b"__noinline"
        | b"__no_caller_saved_registers"
        | b"noinline"
        | b"noinstr"
        | b"notrace"
        | b"asmlinkage"
        | b"noinline_for_stack"
        | b"noinline_for_tracing"
        | b"__deprecated"
        | b"__compat"
        | b"__wsum_force"
        | b"__nonstring"
        | b"__counted_by_none"
        | b"fastcall"
        | b"__THROW"
        | b"__wur"
        | b"__cdecl"
        | b"__stdcall"
        | b"__fastcall"
        | b"WINAPI"
        | b"CALLBACK"
        | b"APIENTRY"
        | b"Q_DECL_EXPORT"
        | b"Q_OBJECT"
        | b"attribute_hidden"
        | b"LUA_API"
        | b"LUALIB_API"
        | b"LUAI_FUNC" => Annotation::Word,
        b"__alloc_size" | b"__printf" | b"__scanf" | b"__aligned" | b"__section" | b"__acquires"
        | b"__releases" | b"__must_hold" | b"__acquire" | b"__no_sanitize" | b"__alias"
        | b"__attribute__" | b"__attribute" | b"__declspec" | b"__counted_by" | b"__nonnull"
        | b"__format" | b"__cond_acquires" | b"__assume_aligned" | b"__realloc_size" | b"__cond_lock"
        | b"__guarded_by" | b"__copy" | b"__designated_init" | b"__diag_push" | b"__malloc_like"
        | b"__error" | b"__warning" | b"__ATTR_PRINTF" | b"l_noret_" => Annotation::Call,
        _ => Annotation::No,
    }
}

/// The end of the arguments that follow, or `at` if none do. Arguments end within a few hundred bytes.
fn end_of_call(bytes: &[u8], at: usize) -> usize {
    const ARGUMENTS_BYTES_MAX: usize = 400;
    let n_blanks = bytes[at..].iter().take(8).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if bytes.get(at + n_blanks) != Some(&b'(') {
        return at;
    }
    let mut depth = 0_usize;
    for (idx, byte) in bytes[at + n_blanks..].iter().take(ARGUMENTS_BYTES_MAX).enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + n_blanks + idx + 1;
                }
            }
            b'{' | b'}' | b';' => return at,
            _ => {}
        }
    }
    at
}
