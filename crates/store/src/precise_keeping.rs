//! Precise indexes as whoever takes them in and clears them away sees them. SECURITY: not for request handlers.

use crate::audit_objects;
use crate::database::{Row, int, values};
use crate::maintenance::storable_message;
use crate::precise_indexes::{remove_in, select_precise};
use crate::{Fault, Maintenance, PreciseCounts, PreciseId, PreciseIndex, PrecisePackage, Timestamp};
use access::audit::{Act, Entry};

/// Packages of one index that are kept, those first of which it defines something: its own project, of one or a few names.
const N_PACKAGES_MAX: usize = 10_000;
/// Longest name of a package or its version.
const PACKAGE_BYTES_MAX: usize = 500;

impl Maintenance {
    /// An index, whosever it is.
    pub async fn precise(&self, id: PreciseId) -> Result<Option<PreciseIndex>, Fault> {
        const FIND: &str = select_precise!("WHERE precise_indexes.id = $1");
        let row = self.store.database().row(FIND, values![id.0 as i64]).await?;
        row.as_ref().map(PreciseIndex::from_row).transpose()
    }

    /// Every index that answers, by repository, the newest first.
    pub async fn all_precise(&self) -> Result<Vec<PreciseIndex>, Fault> {
        const LIST: &str =
            select_precise!("WHERE state = 'ready' ORDER BY repo_id, precise_indexes.created_at DESC, id");
        let rows = self.store.database().rows(LIST, values![]).await?;
        rows.iter().map(PreciseIndex::from_row).collect()
    }

    /// The numbers of all rows: files of other numbers belong to nobody.
    pub async fn precise_ids(&self) -> Result<Vec<PreciseId>, Fault> {
        let rows = self.store.database().rows("SELECT id FROM precise_indexes", values![]).await?;
        rows.iter().map(|row: &Row| Ok(PreciseId(row.unsigned("id")?))).collect()
    }

    /// Notes that an upload is being taken in. False where it is over or gone.
    pub async fn begin_precise(&self, id: PreciseId) -> Result<bool, Fault> {
        const BEGIN: &str = "UPDATE precise_indexes SET state = 'processing', error = NULL, changed_at = $2 \
             WHERE id = $1 AND state IN ('queued', 'processing')";
        Ok(self.store.database().execute(BEGIN, values![id.0 as i64, self.store.now()]).await? > 0)
    }

    /// Notes that it waits again, and why.
    pub async fn delay_precise(&self, id: PreciseId, error: Option<&str>) -> Result<(), Fault> {
        const DELAY: &str = "UPDATE precise_indexes SET state = 'queued', error = $2, changed_at = $3 \
             WHERE id = $1 AND state = 'processing'";
        let columns = values![id.0 as i64, error.map(storable_message), self.store.now()];
        self.store.database().execute(DELAY, columns).await.map(drop)
    }

    /// From now on it answers, and those that were uploaded before it for the same commit, root and indexer are gone: returns
    /// their numbers, whose files can be deleted. `None` where it was removed meanwhile.
    pub async fn publish_precise(
        &self,
        id: PreciseId,
        indexer: (&str, &str),
        counts: &PreciseCounts,
        packages: &[PrecisePackage],
    ) -> Result<Option<Vec<PreciseId>>, Fault> {
        const READY: &str = "UPDATE precise_indexes SET state = 'ready', error = NULL, indexer = $2, \
             indexer_version = $3, size_bytes = $4, n_documents = $5, n_symbols = $6, n_occurrences = $7, \
             n_left_out = $8, changed_at = $9, finished_at = $9 WHERE id = $1 AND state = 'processing'";
        const OLDER: &str = "SELECT old.id AS id FROM precise_indexes AS old \
             JOIN precise_indexes AS new ON new.id = $1 AND old.id <> new.id AND old.repo_id = new.repo_id \
             AND old.commit_id = new.commit_id AND old.root = new.root AND old.indexer = new.indexer \
             AND old.created_at <= new.created_at WHERE old.state IN ('ready', 'failed')";
        const PACKAGE: &str = "INSERT INTO precise_packages (index_id, manager, name, version, n_defined) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        let columns = values![
            id.0 as i64,
            indexer.0,
            indexer.1,
            int(counts.size_bytes),
            int(counts.n_documents),
            int(counts.n_symbols),
            int(counts.n_occurrences),
            int(counts.n_left_out),
            self.store.now()
        ];
        let mut transaction = self.store.database().begin().await?;
        if transaction.execute(READY, columns).await? == 0 {
            return Ok(None);
        }
        for package in packages.iter().filter(|package| is_storable(package)).take(N_PACKAGES_MAX) {
            let PrecisePackage { manager, name, version, n_defined } = package;
            let columns = values![id.0 as i64, manager, name, version, int(*n_defined)];
            transaction.execute(PACKAGE, columns).await?;
        }
        let rows = transaction.rows(OLDER, values![id.0 as i64]).await?;
        let older = rows.iter().map(|row| Ok(PreciseId(row.unsigned("id")?)));
        let older = older.collect::<Result<Vec<_>, Fault>>()?;
        for old in &older {
            remove_in(&mut transaction, None, *old).await?;
        }
        transaction.commit().await?;
        Ok(Some(older))
    }

    /// It cannot be taken in.
    pub async fn fail_precise(&self, id: PreciseId, error: &str) -> Result<(), Fault> {
        const FAIL: &str = "UPDATE precise_indexes SET state = 'failed', error = $2, changed_at = $3, \
             finished_at = $3 WHERE id = $1 AND state <> 'ready'";
        let columns = values![id.0 as i64, storable_message(error), self.store.now()];
        self.store.database().execute(FAIL, columns).await.map(drop)
    }

    /// Fails what began to be sent before this moment and never was whole. Returns how many.
    pub async fn fail_unsent_precise(&self, before: Timestamp) -> Result<u64, Fault> {
        const FAIL: &str = "UPDATE precise_indexes SET state = 'failed', changed_at = $2, finished_at = $2, \
             error = 'the upload was cut off before its end: upload the index again' \
             WHERE state = 'receiving' AND created_at < $1";
        self.store.database().execute(FAIL, values![before, self.store.now()]).await
    }

    /// Forgets failed uploads that were over before this moment. Returns how many.
    pub async fn forget_failed_precise(&self, before: Timestamp) -> Result<u64, Fault> {
        let sql = "DELETE FROM precise_indexes WHERE state = 'failed' AND finished_at < $1";
        self.store.database().execute(sql, values![before]).await
    }

    /// Removes an index by the rules of retention. False where it is gone.
    pub async fn retire_precise(&self, index: &PreciseIndex) -> Result<bool, Fault> {
        let mut transaction = self.store.database().begin().await?;
        if !remove_in(&mut transaction, Some(index.repo), index.id).await? {
            return Ok(false);
        }
        let object = audit_objects::repository(&mut transaction, index.repo).await?;
        let entry = Entry::new(Act::RemovePrecise, object).reason("retention").detail("index", index.id);
        let entry = entry.detail("commit", index.commit).detail("root", &index.root);
        self.store.record_in(&mut transaction, entry.detail("indexer", &index.indexer)).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

fn is_storable(package: &PrecisePackage) -> bool {
    let texts = [&package.manager, &package.name, &package.version];
    texts.iter().all(|text| text.len() <= PACKAGE_BYTES_MAX && !text.contains('\0'))
}
