-- How stock stands over all, as a job last found it: one replica counts, all show it in their metrics.

create table stock_surveys (
    id integer constraint stock_surveys_pkey primary key constraint stock_surveys_id_check check (id = 1),
    -- Null until the first one.
    surveyed_at timestamptz,
    -- Items that are not archived, by their status.
    items_out bigint not null,
    items_low bigint not null,
    items_ok bigint not null,
    items_over bigint not null,
    -- The items with the most postings of late, the busiest first, and how many each had.
    busiest_skus text[] not null,
    busiest_postings bigint[] not null,
    constraint stock_surveys_busiest_check check (cardinality(busiest_skus) = cardinality(busiest_postings))
);
insert into stock_surveys values (1, null, 0, 0, 0, 0, '{}', '{}');

grant select, update on stock_surveys to ticker_app;
