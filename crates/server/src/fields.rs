//! The fields of a form, exactly those it has.
//!
//! SECURITY: a field nobody asked for, or a single one that comes twice, refuses the whole form: nothing is taken over that
//! the page does not show.

use crate::failure::Failure;

/// The fields of a form as they were sent.
#[derive(serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The fields, if they are these: single ones at most once each, others any number of times up to 100.
    pub(crate) fn only(self, single: &[&str], many: &[&str]) -> Result<Self, Failure> {
        let refuse = |why: String| Err(Failure::BadRequest(why));
        for (name, _) in &self.0 {
            let n_sent = self.0.iter().filter(|(other, _)| other == name).count();
            match () {
                () if single.contains(&name.as_str()) && n_sent == 1 => {}
                () if many.contains(&name.as_str()) && n_sent <= 100 => {}
                () if single.contains(&name.as_str()) || many.contains(&name.as_str()) => {
                    return refuse("A field of the form was sent too often.".into());
                }
                () => return refuse("The form has a field that this page does not have.".into()),
            }
        }
        Ok(self)
    }

    /// A single field; empty where it was not sent.
    pub(crate) fn one(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// Whether a field was sent, empty or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Every value of a field.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.trim())
    }

    /// The lines and comma-separated parts of a field.
    pub(crate) fn words(&self, name: &str) -> Vec<&str> {
        let parts = self.one(name).split(['\n', ',']).map(str::trim);
        parts.filter(|part| !part.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        Fields(pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    #[test]
    fn what_the_form_does_not_have_refuses_it() {
        assert!(
            fields(&[("name", "a"), ("verb", "read"), ("verb", "write")]).only(&["name"], &["verb"]).is_ok()
        );
        assert!(fields(&[("name", "a"), ("role", "administrator")]).only(&["name"], &[]).is_err());
        assert!(fields(&[("name", "a"), ("name", "b")]).only(&["name"], &[]).is_err());
        assert!(fields(&[]).only(&["name"], &[]).is_ok());
    }

    #[test]
    fn words_are_parted_by_lines_and_commas() {
        assert_eq!(fields(&[("repos", " a,b \r\n\n c ")]).words("repos"), ["a", "b", "c"]);
    }
}
