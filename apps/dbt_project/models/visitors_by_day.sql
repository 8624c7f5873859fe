{{ config(materialized='table') }}

select day, sum(visitors) as visitors
from {{ ref('stg_visits') }}
group by day
