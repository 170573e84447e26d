-- no-transaction
-- All by their last change.
create unique index concurrently stock_positions_changed_at_idx on stock_positions (archived, changed_at, item_id);
