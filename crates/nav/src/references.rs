//! From a name to where else what it means is used.

use crate::code::{Code, CodeError, File, Limits};
use crate::definition::{Definitions, Found, How, NavError, Resolver, What, definitions};
use crate::graph::{Enclosing, enclosing};
use model::{ByteRange, ObjectId, RepoName};
use std::sync::Arc;
use syntax::{BindingIdx, BindingKind, Meaning, NameIdx};

/// How sure a reference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Its own scopes, imports or receiver lead to the definition, or a compiler's index says so.
    Leads(How),
    /// It has the same name, and nothing leads anywhere.
    SameName,
    /// It has the same name; it was not looked at more closely.
    NotLooked,
}

/// What a reference does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceKind {
    /// It is where the thing is defined.
    Definition,
    /// It calls it.
    Call,
    /// It imports it.
    Import,
    /// Anything else.
    Use,
}

impl ReferenceKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            ReferenceKind::Definition => "definition",
            ReferenceKind::Call => "call",
            ReferenceKind::Import => "import",
            ReferenceKind::Use => "use",
        }
    }
}

/// A use of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The repository, where it is another one.
    pub repo: Option<RepoName>,
    /// The commit whose text the place is in, where it is not the one that was asked about or shown by default.
    pub commit: Option<ObjectId>,
    /// The file.
    pub path: Vec<u8>,
    /// The line, counted from 1.
    pub line: u64,
    /// The name within that line, in bytes.
    pub in_line: ByteRange,
    /// The line's text, as far as it is shown.
    pub text: String,
    /// What it does, as far as was looked.
    pub kind: ReferenceKind,
    /// How sure it is.
    pub verdict: Verdict,
    /// What it stands in, as far as was looked.
    pub within: Option<Enclosing>,
}

/// Where a word stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedIn {
    /// The repository, where it is another one.
    pub repo: Option<RepoName>,
    /// The file.
    pub path: Vec<u8>,
    /// Lines, counted from 1, where in them the word stands, and their text.
    pub lines: Vec<(u64, Vec<ByteRange>, String)>,
}

/// Where a word stands, as far as a search showed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// The files, those first that matter most.
    pub files: Vec<UsedIn>,
    /// How many lines there are in all; at least so many where `is_cut`.
    pub n_lines: u64,
    /// Whether there are more.
    pub is_cut: bool,
}

/// The references of a name.
#[derive(Clone, Debug, Default)]
pub struct References {
    /// What the name means.
    pub definitions: Definitions,
    /// Where it is used; what leads there first, then what only has the same name.
    pub references: Vec<Reference>,
    /// How many lines hold the name.
    pub n_lines: u64,
    /// Whether a limit left some out.
    pub is_cut: bool,
}

/// What one list of references may cost.
#[derive(Clone, Copy, Debug)]
pub struct ReferenceLimits {
    /// How many references are told.
    pub n_references_max: usize,
    /// In how much text, in bytes, uses are looked at more closely; later ones are told as they were found. Not a time: the
    /// same question has the same answer.
    pub n_looked_bytes_max: usize,
    /// Whether other repositories are searched as well.
    pub is_everywhere: bool,
    /// Whether an index of a compiler is asked about each use, where there is one.
    pub asks_compiler: bool,
}

/// Finds where what a name means is used.
pub fn references(
    code: &dyn Code,
    path: &[u8],
    offset: usize,
    limits: &Limits,
    wanted: &ReferenceLimits,
) -> Result<References, NavError> {
    let definitions = definitions(code, path, offset, limits)?;
    let (Some(name), Some(target)) = (definitions.name.clone(), definitions.found.first().cloned()) else {
        let is_cut = definitions.is_cut;
        let Some(name) = definitions.name.clone() else {
            return Ok(References { definitions, is_cut, ..References::default() });
        };
        return by_name_alone(code, definitions, &name, limits, wanted);
    };
    if let Some(local) = locals(code, &target)? {
        let n_lines = local.len() as u64;
        return Ok(References { definitions, references: local, n_lines, is_cut: false });
    }
    let mut uses = code.uses(&name, false)?;
    if wanted.is_everywhere || target.repo.is_some() {
        let others = code.uses(&name, true)?;
        uses.files.extend(others.files);
        uses.n_lines += others.n_lines;
        uses.is_cut |= others.is_cut;
    }
    let mut found = Gathered::new(code, limits, wanted);
    // The file that was asked from and that of the definition are what the reader has in mind.
    uses.files.sort_by_key(|file| file.repo.is_some() || (file.path != path && file.path != target.path));
    for file in &uses.files {
        if found.is_full() {
            break;
        }
        found.take(file, &name, Some(&target))?;
    }
    Ok(found.finish(definitions, &uses))
}

/// Uses of a name whose definition is nowhere.
fn by_name_alone(
    code: &dyn Code,
    definitions: Definitions,
    name: &str,
    limits: &Limits,
    wanted: &ReferenceLimits,
) -> Result<References, NavError> {
    let uses = code.uses(name, false)?;
    let mut found = Gathered::new(code, limits, wanted);
    for file in &uses.files {
        if found.is_full() {
            break;
        }
        found.take(file, name, None)?;
    }
    Ok(found.finish(definitions, &uses))
}

/// Every use of something that no other file can name; none where others can.
fn locals(code: &dyn Code, target: &Found) -> Result<Option<Vec<Reference>>, CodeError> {
    if target.repo.is_some() || target.how == How::Name {
        return Ok(None);
    }
    let Some(file) = code.file(&target.path)? else { return Ok(None) };
    let Some(idx) = binding_at(&file, target) else { return Ok(None) };
    let Some(binding) = file.bindings.binding(idx) else { return Ok(None) };
    // Parameters can be named by whoever calls, in languages in which arguments have names.
    let is_local = !binding.is_top
        && matches!(binding.kind, BindingKind::Variable | BindingKind::Parameter | BindingKind::Function)
        && binding
            .container
            .is_none_or(|_| binding.kind == BindingKind::Parameter && !has_named_arguments(&file));
    if !is_local {
        return Ok(None);
    }
    let uses = file.bindings.names.iter().enumerate().filter(|(_, name)| name.meaning == Meaning::Bound(idx));
    let told = uses.map(|(place, _)| in_file(&file, NameIdx(place as u32), Verdict::Leads(How::Scope)));
    Ok(Some(told.collect()))
}

fn has_named_arguments(file: &File) -> bool {
    matches!(
        syntax::language_name(file.language),
        Some("Python" | "Starlark" | "Kotlin" | "C#" | "Swift" | "Ruby" | "Scala")
    )
}

fn binding_at(file: &File, target: &Found) -> Option<BindingIdx> {
    let start = file.line(target.line as usize)?.start + target.in_line.start;
    file.bindings
        .all()
        .find(|(_, binding)| binding.name.start == start && !binding.name.is_empty())
        .map(|(idx, _)| idx)
}

/// A name of a file as a reference.
pub fn in_file(file: &File, idx: NameIdx, verdict: Verdict) -> Reference {
    let range = file.bindings.name(idx).map_or(0..0, |name| name.range.clone());
    let line = file.line_of(range.start);
    let whole = file.line(line).unwrap_or(0..0);
    Reference {
        repo: None,
        commit: None,
        path: file.path.clone(),
        line: line as u64,
        in_line: range.start - whole.start..range.end.min(whole.end).saturating_sub(whole.start),
        text: file.slice(&whole).to_owned(),
        kind: kind_of(file, idx),
        verdict,
        within: enclosing(file, range.start),
    }
}

fn kind_of(file: &File, idx: NameIdx) -> ReferenceKind {
    let Some(name) = file.bindings.name(idx) else { return ReferenceKind::Use };
    let binding = match name.meaning {
        Meaning::Bound(binding) => file.bindings.binding(binding),
        _ => None,
    };
    let imports = |binding: &syntax::Binding| {
        matches!(binding.kind, BindingKind::Import(_))
            && (name.is_definition
                || (binding.extent.start <= name.range.start && name.range.end <= binding.extent.end))
    };
    match binding {
        Some(binding) if imports(binding) => ReferenceKind::Import,
        _ if name.is_definition => ReferenceKind::Definition,
        _ if name.is_call => ReferenceKind::Call,
        _ => ReferenceKind::Use,
    }
}

/// References on their way, within limits.
struct Gathered<'c> {
    resolver: Resolver<'c>,
    wanted: &'c ReferenceLimits,
    n_looked_bytes: usize,
    sure: Vec<Reference>,
    same_name: Vec<Reference>,
}

impl<'c> Gathered<'c> {
    fn new(code: &'c dyn Code, limits: &'c Limits, wanted: &'c ReferenceLimits) -> Self {
        Gathered {
            resolver: Resolver::new(code, limits),
            wanted,
            n_looked_bytes: 0,
            sure: Vec::new(),
            same_name: Vec::new(),
        }
    }

    fn is_full(&self) -> bool {
        self.sure.len() + self.same_name.len() >= self.wanted.n_references_max
    }

    fn take(&mut self, used: &UsedIn, name: &str, target: Option<&Found>) -> Result<(), CodeError> {
        let may_look = self.n_looked_bytes < self.wanted.n_looked_bytes_max;
        let file = match may_look && used.repo.is_none() {
            true => self.resolver.file(&used.path)?,
            false => None,
        };
        self.n_looked_bytes += file.as_ref().map_or(0, |file| file.text.len());
        for (line, ranges, text) in &used.lines {
            for range in ranges {
                if self.is_full() {
                    return Ok(());
                }
                match &file {
                    Some(file) if !file.bindings.names.is_empty() => {
                        self.judge(file, *line, range, name, target)?;
                    }
                    _ => self.same_name.push(Reference {
                        repo: used.repo.clone(),
                        commit: None,
                        path: used.path.clone(),
                        line: *line,
                        in_line: range.clone(),
                        text: text.clone(),
                        kind: ReferenceKind::Use,
                        verdict: Verdict::NotLooked,
                        within: None,
                    }),
                }
            }
        }
        Ok(())
    }

    /// Looks where a use leads. What stands in a comment or a string is no use, and what leads elsewhere is none of this.
    fn judge(
        &mut self,
        file: &Arc<File>,
        line: u64,
        range: &ByteRange,
        name: &str,
        target: Option<&Found>,
    ) -> Result<(), CodeError> {
        let Some(offset) = file.line(line as usize).map(|whole| whole.start + range.start) else {
            return Ok(());
        };
        let Some(idx) = file.bindings.name_at(offset) else { return Ok(()) };
        let Some(met) = file.bindings.name(idx) else { return Ok(()) };
        if file.slice(&met.range) != name {
            return Ok(());
        }
        if self.wanted.asks_compiler
            && let Some(target) = target
            && let Some(leads) = self.resolver.code.leads(&file.path, line, range.start)?
        {
            if leads.iter().any(|found| found.is_at(target)) {
                self.sure.push(in_file(file, idx, Verdict::Leads(How::Precise)));
            }
            return Ok(());
        }
        self.resolver.begin();
        let targets = self.resolver.meaning(file, idx)?;
        let nowhere = if self.resolver.is_cut() { Verdict::NotLooked } else { Verdict::SameName };
        let Some(target) = target else {
            self.same_name.push(in_file(file, idx, nowhere));
            return Ok(());
        };
        let is_it = |what: &What| match what {
            What::Binding(at, binding) => {
                target.repo.is_none() && at.path == target.path && binding_at(at, target) == Some(*binding)
            }
            What::Module(crate::modules::Module::File(at)) => {
                target.repo.is_none() && at.path == target.path && target.in_line.is_empty()
            }
            What::Module(crate::modules::Module::Folder(path)) => *path == target.path,
        };
        match targets.iter().find(|one| is_it(&one.what)) {
            Some(found) => self.sure.push(in_file(file, idx, Verdict::Leads(found.how))),
            // An import that leads out of the repository may lead to it.
            None if targets.iter().all(crate::definition::Target::leads_out) => {
                self.same_name.push(in_file(file, idx, nowhere))
            }
            None => {}
        }
        Ok(())
    }

    fn finish(self, definitions: Definitions, uses: &Uses) -> References {
        let is_cut = uses.is_cut || self.is_full() || definitions.is_cut;
        let mut references = self.sure;
        references.extend(self.same_name);
        references.truncate(self.wanted.n_references_max);
        References { definitions, references, n_lines: uses.n_lines, is_cut }
    }
}
