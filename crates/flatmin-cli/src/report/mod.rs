//! The report of one solve: figures and `report.html`.
