{# One schema for all: the role of this container owns no other. #}
{% macro generate_schema_name(custom_schema_name, node) %}{{ target.schema }}{% endmacro %}
