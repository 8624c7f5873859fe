module homeport/rehearsal/qdrant

go 1.24
