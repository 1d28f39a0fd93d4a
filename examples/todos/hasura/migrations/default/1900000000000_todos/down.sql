DROP TABLE IF EXISTS public.todos;
