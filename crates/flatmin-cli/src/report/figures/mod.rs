//! The figures of a report, each with the words that belong to it; one kind a file.

use super::draw::scene::Scene;
use super::draw::text::Font;
use crate::output::result::{ReportData, ResultFile};

mod convergence;
mod cross_section;
mod layers;
mod matrices;
mod singular_values;
mod vector;

/// A figure of the report, or the reason why it is left out.
pub(crate) struct Panel {
    /// File stem.
    pub(crate) name: String,
    pub(crate) title: &'static str,
    /// What the figure shows; without a scene, why there is none. Plain text.
    pub(crate) caption: String,
    pub(crate) scene: Option<Scene>,
}

impl Panel {
    pub(crate) fn drawn(name: impl Into<String>, title: &'static str, caption: String, scene: Scene) -> Self {
        Self {
            name: name.into(),
            title,
            caption,
            scene: Some(scene),
        }
    }

    pub(crate) fn left_out(name: impl Into<String>, title: &'static str, reason: &str) -> Self {
        Self {
            name: name.into(),
            title,
            caption: reason.to_owned(),
            scene: None,
        }
    }
}

/// All panels in the order of the page.
pub(crate) fn panels(result: &ResultFile, data: &ReportData, font: &Font) -> Vec<Panel> {
    if let Some(vector) = &data.vector {
        return vec![
            vector::panel(data, vector, font),
            convergence::gap(data, font),
            convergence::residual(data, font),
            layers::panel(result.trace_layers.as_deref().unwrap_or_default(), font),
        ];
    }
    if let Some(traces) = &result.trace_layers {
        let mut panels = vec![
            singular_values::panel(result, data, font),
            convergence::trace(data, font),
            convergence::residual(data, font),
            layers::panel(traces, font),
        ];
        panels.extend(matrices::panels(result, data, font));
        return panels;
    }
    let mut panels = vec![
        singular_values::panel(result, data, font),
        convergence::gap(data, font),
        convergence::residual(data, font),
        cross_section::panel(data, font),
    ];
    panels.extend(matrices::panels(result, data, font));
    panels
}
