//! Consistency of what a report is drawn from: a file may have been edited or cut.

use anyhow::ensure;

use crate::output::result::{Heatmap, ReportData, ResultFile};

pub(crate) fn result(result: &ResultFile) -> anyhow::Result<()> {
    ensure!(!result.model.is_empty(), "no `model`: not a result of flatmin");
    Ok(())
}

pub(crate) fn data(data: &ReportData) -> anyhow::Result<()> {
    for (name, map) in [
        ("observed", &data.observed),
        ("recovered", &data.recovered),
        ("truth", &data.truth),
    ] {
        if let Some(map) = map {
            heatmap(name, map)?;
        }
    }
    if let Some(section) = &data.cross_section {
        let (offsets, flat, sharp) = (section.offsets.len(), section.flat.len(), section.sharp.len());
        ensure!(
            flat == offsets && sharp == offsets,
            "`cross_section`: {offsets} offsets, but {flat} flat and {sharp} sharp values"
        );
    }
    Ok(())
}

fn heatmap(name: &str, map: &Heatmap) -> anyhow::Result<()> {
    let ((rows, columns), (all_rows, all_columns)) = (map.shape, map.full_shape);
    let found = map.values.len();
    ensure!(
        rows.checked_mul(columns) == Some(found),
        "`{name}`: shape {rows} × {columns}, but {found} values"
    );
    ensure!(
        rows <= all_rows && columns <= all_columns,
        "`{name}`: shape {rows} × {columns} exceeds full_shape {all_rows} × {all_columns}"
    );
    Ok(())
}
