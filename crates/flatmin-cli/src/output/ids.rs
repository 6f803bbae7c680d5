//! The ids of rows or columns as a table: `row_ids.csv`, `column_ids.csv`, with the columns `index` (0-based, into the
//! factors) and `id` (as the input file had it).

use std::io::Write;

use anyhow::Result;

pub(crate) fn write_ids(writer: impl Write, ids: &[String]) -> Result<()> {
    let mut table = csv::Writer::from_writer(writer);
    table.write_record(["index", "id"])?;
    for (index, id) in ids.iter().enumerate() {
        table.write_record([index.to_string().as_str(), id])?;
    }
    Ok(table.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_quoted_where_they_must_be() {
        let ids = ["plain", "a,b", "two\nlines", "say \"hi\"", "é"].map(str::to_owned);
        let mut out = Vec::new();
        write_ids(&mut out, &ids).unwrap();
        let text = String::from_utf8(out.clone()).unwrap();
        assert_eq!(
            text,
            "index,id\n0,plain\n1,\"a,b\"\n2,\"two\nlines\"\n3,\"say \"\"hi\"\"\"\n4,é\n"
        );
        let back: Vec<String> = csv::Reader::from_reader(&out[..])
            .records()
            .map(|r| r.unwrap()[1].to_owned())
            .collect();
        assert_eq!(back, ids);
    }
}
