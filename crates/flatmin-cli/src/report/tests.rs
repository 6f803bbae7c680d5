//! The report as a whole.

use std::{fs, path::Path};

use super::*;

#[test]
fn draws() {
    let Ok(dir) = std::env::var("FLATMIN_REPORT_DIR") else {
        return;
    };
    write(
        Path::new(&dir),
        &render(&sample::result(), &sample::data()).unwrap(),
    );
}

fn write(dir: &Path, rendered: &Rendered) {
    fs::create_dir_all(dir.join("figures")).unwrap();
    fs::write(dir.join("report.html"), &rendered.html).unwrap();
    for figure in &rendered.figures {
        fs::write(
            dir.join(format!("figures/{}.svg", figure.name)),
            &figure.svg,
        )
        .unwrap();
        fs::write(
            dir.join(format!("figures/{}.png", figure.name)),
            &figure.png,
        )
        .unwrap();
    }
}
