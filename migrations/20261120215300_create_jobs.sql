-- What is done now and then by exactly one replica: a row a job, claimed by the database's clock.

create table jobs (
    name text constraint jobs_pkey primary key constraint jobs_name_check check (char_length(name) between 1 and 40),
    -- Counts claims: whoever holds an older number has lost the job to somebody else.
    run bigint not null,
    due_at timestamptz not null,
    -- Until when its holder is believed to live; null when nobody runs it.
    lease_until timestamptz,
    -- The last time that it was done.
    succeeded_at timestamptz
);

grant select, insert, update on jobs to ticker_app;
