module small.example.com/app

go 1.21
