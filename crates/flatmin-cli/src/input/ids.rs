//! Row and column ids of tables, and which columns of a table hold them.

use std::collections::HashMap;

use anyhow::{Result, anyhow, ensure};

use super::text::shown;

/// The columns of row id, column id and value.
pub(crate) type Columns = [usize; 3];

/// What each of the three columns holds, for messages.
pub(crate) const ROLES: [&str; 3] = ["row id", "column id", "value"];

/// Names under which published tables hold them, in lower case, without `_`.
const NAMES: [&[&str]; 3] = [
    &["row", "rows", "rowid", "user", "userid", "i"],
    &[
        "col", "cols", "column", "columnid", "colid", "item", "itemid", "movie", "movieid", "j",
    ],
    &["value", "values", "val", "rating", "ratings", "score", "y"],
];

/// The columns by name, when every role has exactly one of the names; else the first three.
pub(crate) fn locate<'a>(header: impl Iterator<Item = &'a str>) -> Columns {
    let names: Vec<String> = header
        .map(|name| name.trim().to_lowercase().replace('_', ""))
        .collect();
    let only = |role: &[&str]| {
        let mut found = names
            .iter()
            .enumerate()
            .filter(|(_, name)| role.contains(&name.as_str()))
            .map(|(i, _)| i);
        found.next().filter(|_| found.next().is_none())
    };
    match NAMES.map(only) {
        [Some(row), Some(col), Some(value)] => [row, col, value],
        _ => [0, 1, 2],
    }
}

/// Ids numbered in the order of their first appearance.
///
/// Most ids are short: packed into one integer they are found without following a pointer, in half the time where a
/// table jumps between many of them.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    short: HashMap<u64, u32>,
    long: HashMap<Box<[u8]>, u32>,
    names: Vec<String>,
}

impl Ids {
    /// The number of an id, a new one for a new id.
    pub(crate) fn number(&mut self, id: &[u8]) -> Result<u32> {
        let id = id.trim_ascii();
        let known = match packed(id) {
            Some(key) => self.short.get(&key).copied(),
            None => self.long.get(id).copied(),
        };
        known.map_or_else(|| self.add(id), Ok)
    }

    #[cold]
    fn add(&mut self, id: &[u8]) -> Result<u32> {
        ensure!(!id.is_empty(), "found nothing, expected an id");
        let name = std::str::from_utf8(id);
        let name =
            name.map_err(|_| anyhow!("found {}, which is not UTF-8, expected an id in UTF-8", shown(id)))?;
        let number = u32::try_from(self.names.len())?;
        match packed(id) {
            Some(key) => self.short.insert(key, number),
            None => self.long.insert(id.into(), number),
        };
        self.names.push(name.to_owned());
        Ok(number)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// The ids, each at its number.
    pub(crate) fn into_names(self) -> Vec<String> {
        self.names
    }
}

/// An id of at most seven bytes as one integer: the bytes, and their count in the last one.
fn packed(id: &[u8]) -> Option<u64> {
    let mut bytes = [0; 8];
    bytes[..7].get_mut(..id.len())?.copy_from_slice(id);
    bytes[7] = id.len() as u8;
    Some(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_or_taken_in_order() {
        let columns = |header: &str| locate(header.split(','));
        assert_eq!(columns("userId,movieId,rating,timestamp"), [0, 1, 2]);
        assert_eq!(columns(",Rating, item_id,USER"), [3, 2, 1]);
        assert_eq!(columns("customer,product,stars"), [0, 1, 2]);
        assert_eq!(columns("rating,user,user_id,item"), [0, 1, 2]);
    }

    #[test]
    fn ids_are_numbered_as_they_appear() {
        let mut ids = Ids::default();
        let numbers: Vec<u32> = ["b", "a", " b ", "01", "1"]
            .iter()
            .map(|id| ids.number(id.as_bytes()).unwrap())
            .collect();
        assert_eq!(numbers, [0, 1, 0, 2, 3]);
        assert_eq!(ids.into_names(), ["b", "a", "01", "1"]);
    }

    #[test]
    fn short_and_long_ids_never_meet() {
        let list = [
            "1",
            "1\0",
            "seven77",
            "eight888",
            "eight88",
            "eight889",
            "seven77\0",
        ];
        let mut ids = Ids::default();
        for _ in 0..2 {
            let numbers: Vec<u32> = list.iter().map(|id| ids.number(id.as_bytes()).unwrap()).collect();
            assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6]);
        }
        assert_eq!(ids.into_names(), list);
    }

    #[test]
    fn empty_and_foreign_ids_are_refused() {
        assert!(Ids::default().number(b"  ").is_err());
        assert!(
            Ids::default()
                .number(b"caf\xe9")
                .unwrap_err()
                .to_string()
                .contains("not UTF-8")
        );
    }
}
