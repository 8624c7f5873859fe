-- A row here is a failure: the days together must have as many visitors as the pages.
select pages.visitors, days.visitors as by_day
from (select sum(visitors) as visitors from {{ ref('stg_visits') }}) as pages
cross join (select sum(visitors) as visitors from {{ ref('visitors_by_day') }}) as days
where pages.visitors <> days.visitors
