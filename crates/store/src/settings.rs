//! Settings of the instance: a small text by key.

use crate::database::values;
use crate::{Fault, Store};
use access::audit::{Act, Entry, Object};

/// Longest key.
const KEY_BYTES_MAX: usize = 200;
/// Longest value.
const VALUE_BYTES_MAX: usize = 64 * 1024;

impl Store {
    /// The value of a setting.
    pub async fn setting(&self, key: &str) -> Result<Option<String>, Fault> {
        let row = self.database().row("SELECT value FROM settings WHERE key = $1", values![key]).await?;
        row.map(|row| row.text("value")).transpose()
    }

    /// Sets a setting.
    pub async fn set_setting(&self, key: &str, value: &str) -> Result<(), Fault> {
        const SET: &str = "INSERT INTO settings (key, value) VALUES ($1, $2) \
             ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        check(key, value)?;
        let mut transaction = self.database().begin().await?;
        transaction.execute(SET, values![key, value]).await?;
        let entry = Entry::new(Act::ChangeSetting, Object::named("setting", key));
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await
    }

    /// Sets a setting unless it has a value; returns the value it has now. For what is made once: ids, keys.
    pub async fn setting_or_insert(&self, key: &str, value: &str) -> Result<String, Fault> {
        const INSERT: &str = "INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";
        check(key, value)?;
        if let Some(value) = self.setting(key).await? {
            return Ok(value);
        }
        self.database().execute(INSERT, values![key, value]).await?;
        Ok(self.setting(key).await?.unwrap_or_else(|| value.to_owned()))
    }
}

fn check(key: &str, value: &str) -> Result<(), Fault> {
    Fault::check_storable("key of a setting", key, KEY_BYTES_MAX)?;
    Fault::check_storable("value of a setting", value, VALUE_BYTES_MAX)
}
