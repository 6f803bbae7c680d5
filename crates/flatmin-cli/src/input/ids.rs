//! Row and column ids of tables, and which columns of a table hold them.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

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
    let names: Vec<String> = header.map(plain).collect();
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

/// As it stands in the lists above.
fn plain(name: &str) -> String {
    name.trim().to_lowercase().replace('_', "")
}

/// Whether two fields are the names of a row and a column, and not their ids.
pub(crate) fn names_places<'a>(fields: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut named = fields.map(|field| std::str::from_utf8(field).map(plain));
    NAMES.iter().take(2).all(|role| {
        named
            .next()
            .is_some_and(|name| name.is_ok_and(|name| role.contains(&name.as_str())))
    })
}

/// Whether the fields are the names of row, column and value, in any order, and nothing else.
pub(crate) fn names_entries<'a>(fields: impl Iterator<Item = &'a [u8]>) -> bool {
    let named: Result<Vec<String>, _> = fields
        .map(|field| std::str::from_utf8(field).map(plain))
        .collect();
    named.is_ok_and(|named| {
        let has = |role: &&[&str]| named.iter().any(|name| role.contains(&name.as_str()));
        named.len() == NAMES.len() && NAMES.iter().all(has)
    })
}

/// Ids numbered in the order of their first appearance.
///
/// Most ids are short: packed into two integers they are found without following a pointer.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    short: HashMap<(u64, u64), u32, Mixing>,
    /// The short id that was asked for last.
    last: Option<((u64, u64), u32)>,
    long: HashMap<Box<[u8]>, u32>,
    /// The ids one after another, and where each ends.
    text: String,
    ends: Vec<usize>,
}

impl Ids {
    /// The number of an id, a new one for a new id.
    pub(crate) fn number(&mut self, id: &[u8]) -> Result<u32> {
        let id = id.trim_ascii();
        let Some(key) = packed(id) else {
            return self.long.get(id).copied().map_or_else(|| self.add(id, None), Ok);
        };
        // Tables are often sorted by one of their ids.
        if let Some((last, number)) = self.last
            && last == key
        {
            return Ok(number);
        }
        let known = self.short.get(&key).copied();
        let number = known.map_or_else(|| self.add(id, Some(key)), Ok)?;
        self.last = Some((key, number));
        Ok(number)
    }

    #[cold]
    fn add(&mut self, id: &[u8], key: Option<(u64, u64)>) -> Result<u32> {
        ensure!(!id.is_empty(), "found nothing, expected an id");
        let name = std::str::from_utf8(id);
        let name =
            name.map_err(|_| anyhow!("found {}, which is not UTF-8, expected an id in UTF-8", shown(id)))?;
        let number = u32::try_from(self.ends.len())?;
        match key {
            Some(key) => self.short.insert(key, number),
            None => self.long.insert(id.into(), number),
        };
        self.text.push_str(name);
        self.ends.push(self.text.len());
        Ok(number)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The ids, each at its number.
    fn names(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }

    /// The ids, each at its number, in strings of their own.
    pub(crate) fn into_names(self) -> Vec<String> {
        self.names().map(str::to_owned).collect()
    }

    /// Numbers the ids of a later part of the file, and tells the number here of each number there.
    pub(crate) fn merge(&mut self, part: &Ids) -> Result<Vec<u32>> {
        part.names().map(|id| self.number(id.as_bytes())).collect()
    }
}

/// An id of at most fifteen bytes as integers: the bytes, and their count in the last one.
#[inline]
fn packed(id: &[u8]) -> Option<(u64, u64)> {
    if id.len() > 15 {
        return None;
    }
    // Not copied by length: a call costs more than the few bytes of an id.
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u64::from(*byte))
    };
    let (low, high) = id.split_at(id.len().min(8));
    Some((word(low), word(high) | (id.len() as u64) << 56))
}

/// Hashes of packed ids: each word is multiplied into the state, and the two halves of the product are mixed.
#[derive(Clone, Copy, Debug, Default)]
struct Mixing;

#[derive(Debug)]
struct Mixer(u64);

impl BuildHasher for Mixing {
    type Hasher = Mixer;

    #[inline(always)]
    fn build_hasher(&self) -> Mixer {
        Mixer(0x2545_f491_4f6c_dd1d)
    }
}

impl Hasher for Mixer {
    #[inline(always)]
    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    #[inline(always)]
    fn finish(&self) -> u64 {
        self.0
    }
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
            "fifteen bytes..",
            "sixteen bytes...",
            "fifteen bytes.\0",
        ];
        let mut ids = Ids::default();
        for _ in 0..2 {
            let numbers: Vec<u32> = list.iter().map(|id| ids.number(id.as_bytes()).unwrap()).collect();
            assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        }
        assert_eq!(ids.into_names(), list);
    }

    #[test]
    fn parts_are_merged_as_if_they_were_one() {
        let of = |list: &[&str]| {
            let mut ids = Ids::default();
            for id in list {
                ids.number(id.as_bytes()).unwrap();
            }
            ids
        };
        let mut ids = of(&["a", "c"]);
        assert_eq!(
            ids.merge(&of(&["d", "c", "a long id beyond all packing"]))
                .unwrap(),
            [2, 1, 3]
        );
        assert_eq!(ids.len(), 4);
        assert_eq!(ids.into_names(), ["a", "c", "d", "a long id beyond all packing"]);
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
