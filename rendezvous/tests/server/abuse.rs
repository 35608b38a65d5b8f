//! Floods, forgeries and full tables.
