//! Bodies of the fuzz targets, so that a target is a few lines and a crash becomes a test here.
