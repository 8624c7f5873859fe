-- A day's visitors of one page; no figure means nobody came.
select day::date as day, page, coalesce(visitors, 0) as visitors
from {{ ref('visits') }}
